# SPDX-License-Identifier: MIT
# What the devtunnel scripts share; dot-sourced.

function Assert-DevTunnel {
  if (-not (Get-Command devtunnel -ErrorAction SilentlyContinue)) {
    throw 'devtunnel: the program is not installed; winget install Microsoft.devtunnel'
  }
  # It says "Not logged in" with status 0 as well.
  $user = (devtunnel user show) -join ' '
  if ($LASTEXITCODE -ne 0 -or $user -match 'not logged in') {
    throw 'devtunnel: not logged in; run: devtunnel user login'
  }
}

# The id of the tunnel with the label, or nothing. The id is the first column; labels are words of the
# row, several of them joined by commas.
function Find-Tunnel([string]$Label) {
  $rows = devtunnel list
  if ($LASTEXITCODE -ne 0) { throw "devtunnel: 'devtunnel list' failed" }
  foreach ($row in $rows) {
    $words = @(([string]$row).Trim() -split '\s+')
    if ($words.Count -lt 2) { continue }
    $rest = $words[1..($words.Count - 1)] | ForEach-Object { $_ -split ',' }
    if ($rest -ccontains $Label) { return $words[0] }
  }
}

# The address that leads to the port; not the inspection page's.
function Select-TunnelUrl([string]$Text, [int]$Port) {
  if ($Text -match "https://[A-Za-z0-9-]+-$Port\.[A-Za-z0-9.-]*devtunnels\.ms") { return $Matches[0] }
}

function Show-PublicUrl([string]$Url) {
  Write-Output 'Set in docker/.env (and restart the bridge):'
  Write-Output "  BRIDGE_PUBLIC_URL=$Url"
  Write-Output '  TRUSTED_PROXIES=1'
  Write-Output 'and in ServiceNow the property intranet_bridge.outbound_webhook_url:'
  Write-Output "  $Url/api/servicenow/webhook"
}
