#!/bin/bash
# SPDX-License-Identifier: MIT
# Puts the bridge on Azure Container Apps: builds the image in a registry, then creates or updates one
# app with one replica, from the settings of docker/.env. It may be run again at any time; each run
# makes a new revision. Secrets travel in a file that only this user can read, never as arguments.
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
# shellcheck source=scripts/deploy-aca-lib.sh
. "$root/scripts/deploy-aca-lib.sh"

usage() {
  cat <<'END'
deploy-aca.sh --resource-group GROUP --registry NAME [options]

  --resource-group GROUP  made if it is not there
  --registry NAME         Azure Container Registry for the image (5 to 50 letters and digits, one name
                          in all of Azure); made if it is not there
  --name NAME             of the app (handoff-bridge)
  --environment NAME      Container Apps environment (<name>-env); made if it is not there
  --location REGION       where to make what is not there (westeurope)
  --env-file FILE         settings (docker/.env)
  --public-url URL        https address, if it is not the one that Azure gives: a custom domain
  --skip-build            deploy an image that is in the registry already
  --tag TAG               of the image; built: commit and time, with --skip-build: latest

Needs the Azure CLI (az), logged in, with the right to assign roles in the group (Owner, or User
Access Administrator beside Contributor).
END
}

resource_group=
registry=
name=handoff-bridge
environment=
location=westeurope
env_file=$root/docker/.env
public_url=
build=yes
tag=
# A revision's name may never come back; one run a second is enough.
suffix=r$(date -u +%y%m%d%H%M%S)
ready_limit=${READY_LIMIT:-300}

while [ $# -gt 0 ]; do
  option=$1
  case $option in
    --skip-build)
      build=no
      shift
      continue
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    --*=*)
      option=${1%%=*}
      value=${1#*=}
      shift
      ;;
    *)
      [ $# -gt 1 ] || wrong_usage "$option wants a value, or is unknown"
      value=$2
      shift 2
      ;;
  esac
  case $option in
    --resource-group) resource_group=$value ;;
    --registry) registry=$value ;;
    --name) name=$value ;;
    --environment) environment=$value ;;
    --location) location=$value ;;
    --env-file) env_file=$value ;;
    --public-url) public_url=${value%/} ;;
    --tag) tag=$value ;;
    *) wrong_usage "unknown option $option" ;;
  esac
done
[ -n "$environment" ] || environment=$name-env
identity=$name-pull

# What is given is checked before anything is asked of Azure.
require_match --resource-group "$resource_group" '^[A-Za-z0-9._()-]{1,90}$'
require_match --registry "$registry" '^[A-Za-z0-9]{5,50}$'
require_match --name "$name" '^[a-z]([a-z0-9-]{0,20}[a-z0-9])$'
require_match --environment "$environment" '^[A-Za-z][A-Za-z0-9-]{0,58}[A-Za-z0-9]$'
require_match --location "$location" '^[a-z0-9]+$'
if [ -n "$tag" ]; then require_match --tag "$tag" '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$'; fi
if [ -n "$public_url" ]; then require_match --public-url "$public_url" '^https://[A-Za-z0-9.-]+(:[0-9]+)?$'; fi
read_settings "$env_file"
require_settings

command -v az >/dev/null 2>&1 ||
  die "deploy: the Azure CLI (az) is not installed; see https://aka.ms/azure-cli"
subscription=$(az account show --query name -o tsv 2>/dev/null) ||
  die "deploy: not logged in to Azure; run: az login"
say "deploy: subscription $subscription"

step() { say "deploy: $*"; }
# run <what for> <az arguments ...>: a call whose answer is not needed.
run() {
  local purpose=$1
  shift
  az "$@" --only-show-errors -o none || die "deploy: failed to $purpose; nothing after that was done. Run this again when it is mended."
}
# ask <what for> <az arguments ...>: prints the answer.
ask() {
  local purpose=$1
  shift
  az "$@" --only-show-errors -o tsv || die "deploy: failed to $purpose"
}

run 'get the containerapp extension' extension add --name containerapp --upgrade --yes
run 'register Microsoft.App' provider register --namespace Microsoft.App --wait
run 'register Microsoft.OperationalInsights' provider register --namespace Microsoft.OperationalInsights --wait
run 'make the resource group' group create --name "$resource_group" --location "$location"

registry_id=$(ask 'look for the registry' acr list --query "[?name=='$registry'].id")
if [ -z "$registry_id" ]; then
  step "making the registry $registry"
  run 'make the registry' acr create --name "$registry" --resource-group "$resource_group" --sku Basic --admin-enabled false
  registry_id=$(ask 'look for the registry' acr show --name "$registry" --query id)
fi
server=$(ask 'look for the registry' acr show --name "$registry" --query loginServer)

if [ "$build" = yes ]; then
  commit=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || say none)
  [ -n "$tag" ] || tag=$commit-$suffix
  step "building $server/handoff-bridge:$tag (some minutes)"
  az acr build --registry "$registry" --image "handoff-bridge:$tag" --image handoff-bridge:latest \
    --file "$root/docker/Dockerfile" --target bridge --build-arg "REVISION=$commit" --only-show-errors "$root" ||
    die "deploy: the image could not be built; the app was not touched"
else
  [ -n "$tag" ] || tag=latest
  step "using $server/handoff-bridge:$tag as it is"
fi
image=$server/handoff-bridge:$tag

# The app pulls its image with an identity of its own: no password of the registry anywhere.
identity_id=$(ask 'look for the identity' identity list --resource-group "$resource_group" --query "[?name=='$identity'].id")
if [ -z "$identity_id" ]; then
  step "making the identity $identity"
  run 'make the identity' identity create --name "$identity" --resource-group "$resource_group" --location "$location"
  identity_id=$(ask 'look for the identity' identity show --name "$identity" --resource-group "$resource_group" --query id)
fi
principal=$(ask 'look for the identity' identity show --name "$identity" --resource-group "$resource_group" --query principalId)
run 'let the identity pull from the registry' role assignment create --assignee-object-id "$principal" \
  --assignee-principal-type ServicePrincipal --role AcrPull --scope "$registry_id"

environment_id=$(ask 'look for the environment' containerapp env list --resource-group "$resource_group" --query "[?name=='$environment'].id")
if [ -z "$environment_id" ]; then
  step "making the environment $environment with its log workspace (some minutes)"
  run 'make the environment' containerapp env create --name "$environment" --resource-group "$resource_group" --location "$location"
  environment_id=$(ask 'look for the environment' containerapp env show --name "$environment" --resource-group "$resource_group" --query id)
fi
if [ -z "$public_url" ]; then
  domain=$(ask 'ask for the domain' containerapp env show --name "$environment" --resource-group "$resource_group" --query properties.defaultDomain)
  [ -n "$domain" ] || die "deploy: the environment $environment has no domain yet; run this again in a minute"
  public_url=https://$name.$domain
fi

umask 077
manifest=$(mktemp "${TMPDIR:-/tmp}/deploy-aca.XXXXXX")
trap 'rm -f "$manifest"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
write_manifest >"$manifest"

existing=$(ask 'look for the app' containerapp list --resource-group "$resource_group" --query "[?name=='$name'].name")
if [ -z "$existing" ]; then
  step "making the app $name"
  run 'make the app' containerapp create --name "$name" --resource-group "$resource_group" --yaml "$manifest"
else
  step "updating the app $name"
  run 'update the app' containerapp update --name "$name" --resource-group "$resource_group" --yaml "$manifest"
fi
rm -f "$manifest"

step "waiting for the revision $name--$suffix"
waited=0
while :; do
  state=$(ask 'look at the revision' containerapp revision show --name "$name" --resource-group "$resource_group" \
    --revision "$name--$suffix" --query properties.runningState)
  case $state in
    Running*) break ;;
    *Failed | Degraded | Stopped)
      die "deploy: the revision is $state; the one before it still serves. Why: az containerapp logs show -n $name -g $resource_group --revision $name--$suffix --tail 50"
      ;;
  esac
  [ "$waited" -lt "$ready_limit" ] ||
    die "deploy: the revision is still $state after $ready_limit s. Look: az containerapp revision list -n $name -g $resource_group -o table"
  sleep 5
  waited=$((waited + 5))
done

cat <<END

deployed: $public_url  (revision $name--$suffix, image $image)

One replica, always (min = max = 1): sessions are in the memory of the process, and a second replica
would know nothing of the first one's chats. Chats that were open in the revision before this one have
ended for their pages.

Next:
  1. ServiceNow: set the property intranet_bridge.outbound_webhook_url to
       $public_url/api/servicenow/webhook
  2. Copilot Studio: point the tools and the page at $public_url
  3. Try it:  scripts/probe.sh --url $public_url
  4. Watch:   az containerapp logs show -n $name -g $resource_group --follow
END
