# SPDX-License-Identifier: MIT
<#
.SYNOPSIS
  Deletes the dev tunnel of devtunnel-create.ps1. Its address is gone for good.
#>
[CmdletBinding()]
param(
  [ValidatePattern('^[A-Za-z0-9_-]+$')][string]$Label = 'handoff-bridge'
)
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'devtunnel-lib.ps1')

Assert-DevTunnel
$id = Find-Tunnel $Label
if (-not $id) {
  Write-Output "devtunnel: there is no tunnel with the label $Label"
  exit 0
}
devtunnel delete $id --force
if ($LASTEXITCODE -ne 0) { throw "devtunnel: could not delete $id" }
Write-Output "devtunnel: deleted $id. ServiceNow still calls its address: change intranet_bridge.outbound_webhook_url."
