# SPDX-License-Identifier: MIT
<#
.SYNOPSIS
  Makes the dev tunnel through which ServiceNow and browsers reach a bridge on this machine, or finds
  the one made before.
.DESCRIPTION
  Access is anonymous: ServiceNow cannot log in to a tunnel when it calls the bridge back. So whoever
  knows the address reaches the bridge; its own checks (SN_WEBHOOK_SECRET, AGENT_API_SECRET, session
  tokens) are what keeps them out. Host it only while you need it, and never beside the sandbox, whose
  secrets are public.
#>
[CmdletBinding()]
param(
  [ValidateRange(1, 65535)][int]$Port = 5001,
  [ValidatePattern('^[A-Za-z0-9_-]+$')][string]$Label = 'handoff-bridge'
)
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'devtunnel-lib.ps1')

Assert-DevTunnel
$id = Find-Tunnel $Label
if ($id) {
  Write-Output "devtunnel: found $id with the label $Label"
} else {
  devtunnel create --allow-anonymous --labels $Label --description 'Handoff bridge' | Out-Null
  if ($LASTEXITCODE -ne 0) { throw 'devtunnel: could not make a tunnel; what it says stands above' }
  $id = Find-Tunnel $Label
  if (-not $id) { throw "devtunnel: a tunnel was made, but 'devtunnel list' shows none with the label $Label" }
  Write-Output "devtunnel: made $id; access is anonymous (see Get-Help for what that means)"
}

# A run that was cut off may have left the tunnel without its port.
$ports = (devtunnel port list $id) -join "`n"
if ($ports -match "(?m)(^|\s)$Port(\s|$)") {
  Write-Output "devtunnel: it forwards to port $Port already"
} else {
  devtunnel port create $id -p $Port --protocol http | Out-Null
  if ($LASTEXITCODE -ne 0) { throw "devtunnel: could not add port $Port to $id" }
  Write-Output "devtunnel: it forwards to port $Port"
}

$url = Select-TunnelUrl ((devtunnel show $id) -join "`n") $Port
if ($url) { Show-PublicUrl $url } else { Write-Output 'The address is shown when it is hosted.' }
Write-Output 'Next: scripts/devtunnel-host.ps1'
