# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The parts of deploy-aca.sh that ask nothing of Azure: reading settings, writing the app's YAML.
# Sourced after lib.sh. Bash 3.2, as macOS has it, must do.
# shellcheck disable=SC2154  # options and answers are variables of deploy-aca.sh

setting_names=()
setting_values=()
squote="'"

wrong_usage() {
  complain "deploy: $1"
  usage >&2
  exit 64
}

# require_match <option> <value> <extended regular expression>
require_match() {
  [ -n "$2" ] || wrong_usage "$1 is needed"
  printf '%s\n' "$2" | grep -qE "$3" || wrong_usage "$1 does not take this value"
}

# Container Apps keeps these as secrets; the rest can be read by whoever may see the app. A test
# compares with docs/configuration.md.
is_secret() {
  case $1 in
    *SECRET | *PASSWORD | *_KEY | METRICS_TOKEN | HTTPS_PROXY | BRIDGE_STORE) return 0 ;;
    *) return 1 ;;
  esac
}

# What is decided here for a container, whatever the file says for a laptop.
is_decided_here() {
  case $1 in
    PORT | BRIDGE_HOST | WEB_DIR | BRIDGE_PUBLIC_URL | TRUSTED_PROXIES | ALLOW_INSECURE_UPSTREAM) return 0 ;;
    COMPOSE_* | HANDOFF_ENV_FILE) return 0 ;;
    *) return 1 ;;
  esac
}

trim() {
  local text=$1
  text="${text#"${text%%[![:space:]]*}"}"
  printf '%s' "${text%"${text##*[![:space:]]}"}"
}

# unquote <where> <text>: the value of a line as `handoff-bridge --env-file` reads it. Sets $unquoted.
unquote() {
  local text=$2 quote rest char
  unquoted=
  case $text in
    \"* | \'*)
      quote=${text:0:1}
      rest=${text:1}
      while :; do
        [ -n "$rest" ] || die "deploy: $1 has no closing quote"
        char=${rest:0:1}
        rest=${rest:1}
        if [ "$char" = "$quote" ]; then break; fi
        if [ "$char" = "\\" ] && [ "$quote" = '"' ] && [ -n "$rest" ]; then
          char=${rest:0:1}
          rest=${rest:1}
          case $char in
            \" | \\ | \$) ;;
            n) char=$'\n' ;;
            t) char=$'\t' ;;
            *) char="\\$char" ;;
          esac
        fi
        unquoted=$unquoted$char
      done
      rest=$(trim "$rest")
      case $rest in
        '' | \#*) ;;
        *) die "deploy: $1 has text after the closing quote" ;;
      esac
      ;;
    \#*) ;;
    *)
      # A comment begins after a blank only: a password may hold a #.
      unquoted=${text%%[[:blank:]]#*}
      unquoted=$(trim "$unquoted")
      ;;
  esac
}

# read_settings <file>: fills setting_names and setting_values; a later line wins.
read_settings() {
  local line number=0 key value where i
  [ -r "$1" ] || die "deploy: $1 cannot be read; copy docker/.env.sample to docker/.env and fill it in"
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    where="line $number of $1"
    line=$(trim "${line%$'\r'}")
    case $line in
      '' | \#*) continue ;;
      export[[:blank:]]*) line=$(trim "${line#export}") ;;
    esac
    case $line in
      *=*) ;;
      *) die "deploy: $where has no '='" ;;
    esac
    key=$(trim "${line%%=*}")
    case $key in
      '' | [0-9]* | *[!A-Za-z0-9_]*) die "deploy: $where does not begin with a variable name" ;;
    esac
    unquote "$where" "$(trim "${line#*=}")"
    value=$unquoted
    if is_decided_here "$key" || [ -z "$value" ]; then continue; fi
    case $key in
      *_FILE) die "deploy: $where: $key names a file of this machine, which the container does not have; set the value itself" ;;
    esac
    case $key=$value in
      BRIDGE_STORE=sqlite:*) die "deploy: $where: BRIDGE_STORE=sqlite: needs a disk of one machine, and Container Apps has file shares only; leave it out" ;;
    esac
    case $value in
      *[[:cntrl:]]*) die "deploy: $where: $key holds a line break or another control character, which no secret of the app may" ;;
    esac
    for ((i = 0; i < ${#setting_names[@]}; i++)); do
      if [ "${setting_names[i]}" = "$key" ]; then
        setting_values[i]=$value
        continue 2
      fi
    done
    setting_names+=("$key")
    setting_values+=("$value")
  done <"$1"
}

has_setting() {
  local i
  for ((i = 0; i < ${#setting_names[@]}; i++)); do
    if [ "${setting_names[i]}" = "$1" ]; then return 0; fi
  done
  return 1
}

# What the sample leaves open must be filled in.
require_settings() {
  local missing='' needed
  while IFS= read -r needed; do
    has_setting "$needed" || missing="$missing $needed"
  done < <(sed -n 's/^\([A-Z][A-Z0-9_]*\)=$/\1/p' "$root/docker/.env.sample")
  [ -z "$missing" ] || die "deploy: not set in $env_file:$missing"
}

# yaml <text>: a single-quoted scalar, in which only the quote itself means something (YAML 1.2, 7.3.2).
yaml() { printf "'%s'" "${1//$squote/$squote$squote}"; }

# SN_PASSWORD -> sn-password
secret_name() { printf '%s' "$1" | tr 'A-Z_' 'a-z-'; }

write_secrets() {
  local i any=no
  for ((i = 0; i < ${#setting_names[@]}; i++)); do
    is_secret "${setting_names[i]}" || continue
    if [ "$any" = no ]; then say '    secrets:'; fi
    any=yes
    say "      - name: $(secret_name "${setting_names[i]}")"
    say "        value: $(yaml "${setting_values[i]}")"
  done
}

write_environment() {
  local i
  for ((i = 0; i < ${#setting_names[@]}; i++)); do
    say "          - name: ${setting_names[i]}"
    if is_secret "${setting_names[i]}"; then
      say "            secretRef: $(secret_name "${setting_names[i]}")"
    else
      say "            value: $(yaml "${setting_values[i]}")"
    fi
  done
  say "          - name: BRIDGE_PUBLIC_URL"
  say "            value: $(yaml "$public_url")"
  # The ingress of the platform is the one proxy in front.
  say "          - name: TRUSTED_PROXIES"
  say "            value: '1'"
}

# The whole app. docker/aca/main.bicep says the same.
write_manifest() {
  cat <<END
location: $(yaml "$location")
identity:
  type: UserAssigned
  userAssignedIdentities:
    $(yaml "$identity_id"): {}
properties:
  managedEnvironmentId: $(yaml "$environment_id")
  configuration:
    activeRevisionsMode: Single
    ingress:
      external: true
      targetPort: 5000
      transport: Auto
      allowInsecure: false
    registries:
      - server: $(yaml "$server")
        identity: $(yaml "$identity_id")
END
  write_secrets
  cat <<END
  template:
    revisionSuffix: $suffix
    # Longer than the bridge takes to end its chats and sockets in good order.
    terminationGracePeriodSeconds: 40
    containers:
      - name: bridge
        image: $(yaml "$image")
        resources:
          cpu: 0.5
          memory: 1Gi
        env:
END
  write_environment
  cat <<END
        probes:
          - type: Liveness
            httpGet:
              path: /healthz
              port: 5000
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          - type: Readiness
            httpGet:
              path: /readyz
              port: 5000
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 3
    scale:
      # Sessions are in the memory of one process: never none, never two.
      minReplicas: 1
      maxReplicas: 1
END
}
