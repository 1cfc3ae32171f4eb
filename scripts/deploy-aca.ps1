# SPDX-License-Identifier: MIT
<#
.SYNOPSIS
  Puts the bridge on Azure Container Apps: builds the image in a registry, then creates or updates one
  app with one replica, from the settings of docker/.env. Each run makes a new revision.
.DESCRIPTION
  Does the same as deploy-aca.sh, in the same order. Secrets travel in a file that only this user can
  read, never as arguments: az is a .cmd on Windows, and cmd.exe takes % & ^ } apart. Needs the Azure CLI,
  logged in, with the right to assign roles in the group.
.PARAMETER SkipBuild
  Deploys an image that is in the registry already (-Tag, else latest).
#>
[CmdletBinding()]
param(
  [Parameter(Mandatory)][ValidatePattern('^[A-Za-z0-9._()-]{1,90}$')][string]$ResourceGroup,
  [Parameter(Mandatory)][ValidatePattern('^[A-Za-z0-9]{5,50}$')][string]$Registry,
  [ValidatePattern('^[a-z]([a-z0-9-]{0,20}[a-z0-9])$')][string]$Name = 'handoff-bridge',
  [ValidatePattern('^[A-Za-z][A-Za-z0-9-]{0,58}[A-Za-z0-9]$')][string]$Environment = "$Name-env",
  [ValidatePattern('^[a-z0-9]+$')][string]$Location = 'westeurope',
  [string]$EnvFile = (Join-Path $PSScriptRoot '../docker/.env'),
  [ValidatePattern('^(https://[A-Za-z0-9.-]+(:[0-9]+)?/?)?$')][string]$PublicUrl = '',
  [ValidatePattern('^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$')][string]$Tag = '',
  [int]$ReadyLimit = 300,
  [switch]$SkipBuild
)
$ErrorActionPreference = 'Stop'
$root = (Resolve-Path (Join-Path $PSScriptRoot '..')).Path
$identity = "$Name-pull"
# A revision's name may never come back; one run a second is enough.
$suffix = 'r' + [DateTime]::UtcNow.ToString('yyMMddHHmmss')

# Container Apps keeps these as secrets; the rest can be read by whoever may see the app.
function Test-Secret([string]$Key) { $Key -cmatch '(SECRET|PASSWORD|_KEY)$' -or $Key -cin 'METRICS_TOKEN', 'HTTPS_PROXY', 'BRIDGE_STORE' }

# The value of a line as `handoff-bridge --env-file` reads it.
function ConvertFrom-EnvValue([string]$Where, [string]$Text) {
  $Text = $Text.Trim()
  if ($Text -eq '' -or $Text[0] -eq '#') { return '' }
  $quote = $Text[0]
  if ($quote -ne '"' -and $quote -ne "'") {
    # A comment begins after a blank only: a password may hold a #.
    return ($Text -replace '[ \t]#.*$', '').Trim()
  }
  $value = New-Object System.Text.StringBuilder
  for ($i = 1; $i -lt $Text.Length; $i++) {
    $char = $Text[$i]
    if ($char -eq $quote) {
      $rest = $Text.Substring($i + 1).Trim()
      if ($rest -ne '' -and $rest[0] -ne '#') { throw "deploy: $Where has text after the closing quote" }
      return $value.ToString()
    }
    if ($char -eq '\' -and $quote -eq '"' -and $i + 1 -lt $Text.Length) {
      $i++
      switch -CaseSensitive ([string]$Text[$i]) {
        'n' { $char = "`n" }
        't' { $char = "`t" }
        '"' { $char = '"' }
        '\' { $char = '\' }
        '$' { $char = '$' }
        default { $char = '\' + $Text[$i] }
      }
    }
    [void]$value.Append($char)
  }
  throw "deploy: $Where has no closing quote"
}

function Read-Settings([string]$Path) {
  if (-not (Test-Path -LiteralPath $Path -PathType Leaf)) {
    throw "deploy: $Path cannot be read; copy docker/.env.sample to docker/.env and fill it in"
  }
  # What is decided here for a container, whatever the file says for a laptop.
  $decided = '^(PORT|BRIDGE_HOST|WEB_DIR|BRIDGE_PUBLIC_URL|TRUSTED_PROXIES|ALLOW_INSECURE_UPSTREAM|HANDOFF_ENV_FILE|COMPOSE_.*)$'
  $found = New-Object System.Collections.Specialized.OrderedDictionary
  $number = 0
  foreach ($raw in [System.IO.File]::ReadAllLines($Path)) {
    $number++
    $where = "line $number of $Path"
    $line = $raw.Trim()
    if ($line -eq '' -or $line[0] -eq '#') { continue }
    $line = $line -creplace '^export[ \t]+', ''
    $at = $line.IndexOf('=')
    if ($at -lt 0) { throw "deploy: $where has no '='" }
    $key = $line.Substring(0, $at).Trim()
    if ($key -cnotmatch '^[A-Za-z_][A-Za-z0-9_]*$') { throw "deploy: $where does not begin with a variable name" }
    $value = ConvertFrom-EnvValue $where $line.Substring($at + 1)
    if ($key -cmatch $decided -or $value -eq '') { continue }
    if ($key -cmatch '_FILE$') {
      throw "deploy: ${where}: $key names a file of this machine, which the container does not have; set the value itself"
    }
    if ($key -ceq 'BRIDGE_STORE' -and $value.StartsWith('sqlite:')) {
      throw "deploy: ${where}: BRIDGE_STORE=sqlite: needs a disk of one machine, and Container Apps has file shares only; leave it out"
    }
    if ($value -match '[\x00-\x1f\x7f]') {
      throw "deploy: ${where}: $key holds a line break or another control character, which no secret of the app may"
    }
    $found[$key] = $value
  }
  return $found
}

# A single-quoted scalar, in which only the quote itself means something (YAML 1.2, 7.3.2).
function ConvertTo-YamlText([string]$Text) { "'" + $Text.Replace("'", "''") + "'" }
function Get-SecretName([string]$Key) { $Key.ToLowerInvariant().Replace('_', '-') }

function Invoke-Az([string]$Purpose, [string[]]$Arguments) {
  $answer = & az @Arguments --only-show-errors
  if ($LASTEXITCODE -ne 0) {
    throw "deploy: failed to $Purpose; nothing after that was done. Run this again when it is mended."
  }
  return $answer
}
function Get-Az([string]$Purpose, [string[]]$Arguments) {
  return [string](@(Invoke-Az $Purpose ($Arguments + @('-o', 'tsv'))) | Select-Object -First 1)
}

# What is given is checked before anything is asked of Azure.
$settings = Read-Settings $EnvFile
$needed = Get-Content (Join-Path $root 'docker/.env.sample') | ForEach-Object { if ($_ -cmatch '^([A-Z][A-Z0-9_]*)=$') { $Matches[1] } }
$missing = @($needed | Where-Object { -not $settings.Contains($_) })
if ($missing.Count -gt 0) { throw "deploy: not set in ${EnvFile}: $($missing -join ' ')" }

if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
  throw 'deploy: the Azure CLI (az) is not installed; see https://aka.ms/azure-cli'
}
$subscription = & az account show --query name -o tsv
if ($LASTEXITCODE -ne 0) { throw 'deploy: not logged in to Azure; run: az login' }
Write-Output "deploy: subscription $subscription"

$none = @('-o', 'none')
$group = @('--resource-group', $ResourceGroup)
Invoke-Az 'get the containerapp extension' (@('extension', 'add', '--name', 'containerapp', '--upgrade', '--yes') + $none)
Invoke-Az 'register Microsoft.App' (@('provider', 'register', '--namespace', 'Microsoft.App', '--wait') + $none)
Invoke-Az 'register Microsoft.OperationalInsights' (@('provider', 'register', '--namespace', 'Microsoft.OperationalInsights', '--wait') + $none)
Invoke-Az 'make the resource group' (@('group', 'create', '--name', $ResourceGroup, '--location', $Location) + $none)

$registryId = Get-Az 'look for the registry' @('acr', 'list', '--query', "[?name=='$Registry'].id")
if (-not $registryId) {
  Write-Output "deploy: making the registry $Registry"
  Invoke-Az 'make the registry' (@('acr', 'create', '--name', $Registry) + $group + @('--sku', 'Basic', '--admin-enabled', 'false') + $none)
  $registryId = Get-Az 'look for the registry' @('acr', 'show', '--name', $Registry, '--query', 'id')
}
$server = Get-Az 'look for the registry' @('acr', 'show', '--name', $Registry, '--query', 'loginServer')

if ($SkipBuild) {
  if (-not $Tag) { $Tag = 'latest' }
  Write-Output "deploy: using $server/handoff-bridge:$Tag as it is"
} else {
  $commit = 'none'
  if (Get-Command git -ErrorAction SilentlyContinue) {
    $head = & git -C $root rev-parse '--short=12' HEAD
    if ($LASTEXITCODE -eq 0) { $commit = $head }
  }
  if (-not $Tag) { $Tag = "$commit-$suffix" }
  Write-Output "deploy: building $server/handoff-bridge:$Tag (some minutes)"
  & az acr build --registry $Registry --image "handoff-bridge:$Tag" --image handoff-bridge:latest `
    --file (Join-Path $root 'docker/Dockerfile') --target bridge --build-arg "REVISION=$commit" --only-show-errors $root
  if ($LASTEXITCODE -ne 0) { throw 'deploy: the image could not be built; the app was not touched' }
}
$image = "$server/handoff-bridge:$Tag"

# The app pulls its image with an identity of its own: no password of the registry anywhere.
$identityId = Get-Az 'look for the identity' (@('identity', 'list') + $group + @('--query', "[?name=='$identity'].id"))
if (-not $identityId) {
  Write-Output "deploy: making the identity $identity"
  Invoke-Az 'make the identity' (@('identity', 'create', '--name', $identity) + $group + @('--location', $Location) + $none)
  $identityId = Get-Az 'look for the identity' (@('identity', 'show', '--name', $identity) + $group + @('--query', 'id'))
}
$principal = Get-Az 'look for the identity' (@('identity', 'show', '--name', $identity) + $group + @('--query', 'principalId'))
Invoke-Az 'let the identity pull from the registry' (@('role', 'assignment', 'create', '--assignee-object-id', $principal,
    '--assignee-principal-type', 'ServicePrincipal', '--role', 'AcrPull', '--scope', $registryId) + $none)

$environmentId = Get-Az 'look for the environment' (@('containerapp', 'env', 'list') + $group + @('--query', "[?name=='$Environment'].id"))
if (-not $environmentId) {
  Write-Output "deploy: making the environment $Environment with its log workspace (some minutes)"
  Invoke-Az 'make the environment' (@('containerapp', 'env', 'create', '--name', $Environment) + $group + @('--location', $Location) + $none)
  $environmentId = Get-Az 'look for the environment' (@('containerapp', 'env', 'show', '--name', $Environment) + $group + @('--query', 'id'))
}
$url = $PublicUrl.TrimEnd('/')
if (-not $url) {
  $domain = Get-Az 'ask for the domain' (@('containerapp', 'env', 'show', '--name', $Environment) + $group + @('--query', 'properties.defaultDomain'))
  if (-not $domain) { throw "deploy: the environment $Environment has no domain yet; run this again in a minute" }
  $url = "https://$Name.$domain"
}

# The whole app. docker/aca/main.bicep says the same.
$secretLines = @()
$environmentLines = @()
foreach ($key in $settings.Keys) {
  $environmentLines += "          - name: $key"
  if (Test-Secret $key) {
    $secretLines += "      - name: $(Get-SecretName $key)"
    $secretLines += "        value: $(ConvertTo-YamlText $settings[$key])"
    $environmentLines += "            secretRef: $(Get-SecretName $key)"
  } else {
    $environmentLines += "            value: $(ConvertTo-YamlText $settings[$key])"
  }
}
if ($secretLines.Count -gt 0) { $secretLines = @('    secrets:') + $secretLines }
$lines = @(
  "location: $(ConvertTo-YamlText $Location)"
  'identity:'
  '  type: UserAssigned'
  '  userAssignedIdentities:'
  "    $(ConvertTo-YamlText $identityId): {}"
  'properties:'
  "  managedEnvironmentId: $(ConvertTo-YamlText $environmentId)"
  '  configuration:'
  '    activeRevisionsMode: Single'
  '    ingress:'
  '      external: true'
  '      targetPort: 5000'
  '      transport: Auto'
  '      allowInsecure: false'
  '    registries:'
  "      - server: $(ConvertTo-YamlText $server)"
  "        identity: $(ConvertTo-YamlText $identityId)"
) + $secretLines + @(
  '  template:'
  "    revisionSuffix: $suffix"
  '    # Longer than the bridge takes to end its chats and sockets in good order.'
  '    terminationGracePeriodSeconds: 40'
  '    containers:'
  '      - name: bridge'
  "        image: $(ConvertTo-YamlText $image)"
  '        resources:'
  '          cpu: 0.5'
  '          memory: 1Gi'
  '        env:'
) + $environmentLines + @(
  '          - name: BRIDGE_PUBLIC_URL'
  "            value: $(ConvertTo-YamlText $url)"
  '          # The ingress of the platform is the one proxy in front.'
  '          - name: TRUSTED_PROXIES'
  "            value: '1'"
  '        probes:'
  '          - type: Liveness'
  '            httpGet:'
  '              path: /healthz'
  '              port: 5000'
  '            periodSeconds: 10'
  '            timeoutSeconds: 5'
  '            failureThreshold: 6'
  '          - type: Readiness'
  '            httpGet:'
  '              path: /readyz'
  '              port: 5000'
  '            periodSeconds: 5'
  '            timeoutSeconds: 5'
  '            failureThreshold: 3'
  '    scale:'
  '      # Sessions are in the memory of one process: never none, never two.'
  '      minReplicas: 1'
  '      maxReplicas: 1'
)

# In the user's own folder for temporary files; elsewhere than on Windows that folder is everybody's.
$manifest = [System.IO.Path]::GetTempFileName()
try {
  if ($env:OS -ne 'Windows_NT') { & chmod 600 $manifest }
  [System.IO.File]::WriteAllText($manifest, ($lines -join "`n") + "`n", (New-Object System.Text.UTF8Encoding($false)))
  $existing = Get-Az 'look for the app' (@('containerapp', 'list') + $group + @('--query', "[?name=='$Name'].name"))
  $verb = if ($existing) { 'update' } else { 'create' }
  Write-Output "deploy: $verb the app $Name"
  Invoke-Az "$verb the app" (@('containerapp', $verb, '--name', $Name) + $group + @('--yaml', $manifest) + $none)
} finally {
  Remove-Item -LiteralPath $manifest -Force -ErrorAction SilentlyContinue
}

Write-Output "deploy: waiting for the revision $Name--$suffix"
$waited = 0
while ($true) {
  $state = Get-Az 'look at the revision' (@('containerapp', 'revision', 'show', '--name', $Name) + $group +
    @('--revision', "$Name--$suffix", '--query', 'properties.runningState'))
  if ($state -like 'Running*') { break }
  if ($state -match '(Failed|Degraded|Stopped)$') {
    throw "deploy: the revision is $state; the one before it still serves. Why: az containerapp logs show -n $Name -g $ResourceGroup --revision $Name--$suffix --tail 50"
  }
  if ($waited -ge $ReadyLimit) {
    throw "deploy: the revision is still $state after $ReadyLimit s. Look: az containerapp revision list -n $Name -g $ResourceGroup -o table"
  }
  Start-Sleep -Seconds 5
  $waited += 5
}

Write-Output @"

deployed: $url  (revision $Name--$suffix, image $image)

One replica, always (min = max = 1): sessions are in the memory of the process, and a second replica
would know nothing of the first one's chats. Chats that were open in the revision before this one have
ended for their pages.

Next:
  1. ServiceNow: set the property intranet_bridge.outbound_webhook_url to
       $url/api/servicenow/webhook
  2. Copilot Studio: point the tools and the page at $url
  3. Try it:  handoff-bridge probe --url $url
  4. Watch:   az containerapp logs show -n $Name -g $ResourceGroup --follow
"@
