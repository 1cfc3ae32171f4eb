# SPDX-License-Identifier: MIT
<#
.SYNOPSIS
  Hosts the dev tunnel of devtunnel-create.ps1 until Ctrl-C. The tunnel and its address stay.
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
if (-not $id) { throw "devtunnel: there is no tunnel with the label $Label; run scripts/devtunnel-create.ps1 first" }

try {
  Invoke-WebRequest -UseBasicParsing -TimeoutSec 3 -Uri "http://127.0.0.1:$Port/healthz" | Out-Null
} catch {
  Write-Warning "no bridge answers on port $Port yet; start it: docker compose -f docker/docker-compose.yml up -d"
}

Write-Output "devtunnel: hosting $id -> http://127.0.0.1:$Port; Ctrl-C stops it"
$told = $false
devtunnel host $id | ForEach-Object {
  Write-Output $_
  if (-not $told) {
    $url = Select-TunnelUrl ([string]$_) $Port
    if ($url) {
      $told = $true
      Show-PublicUrl $url
    }
  }
}
exit $LASTEXITCODE
