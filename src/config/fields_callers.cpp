// SPDX-License-Identifier: MIT
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {

std::vector<Field> caller_fields() {
  return in_group(
      "Secrets of callers",
      {
          caller_secret(
              {"SN_WEBHOOK_SECRET", "",
               "What ServiceNow's relay rules send as X-Bridge-Secret. The same text "
               "as the property of the instance.",
               "the output of: openssl rand -hex 32", true},
              [](auto& c) -> auto& { return c.web.webhook_secrets; }),
          choice<WebhookSignature>(
              {"WEBHOOK_SIGNATURE", "optional",
               "required refuses webhooks that carry the secret instead of a signature "
               "made with it (X-Bridge-Signature). First let the instance sign: its "
               "property intranet_bridge.sign_webhooks.",
               "required"},
              "optional or required",
              {{"optional", WebhookSignature::optional}, {"required", WebhookSignature::required}},
              [](auto& c) -> auto& { return c.guard.webhook_signature; }),
          caller_secret(
              {"AGENT_API_SECRET", "",
               "What Copilot Studio's tools send as X-Agent-Secret. Without it the "
               "agent endpoints answer 503 not_configured.",
               "the output of: openssl rand -hex 32"},
              [](auto& c) -> auto& { return c.web.agent_secrets; }),
      });
}

std::vector<Field> directline_fields() {
  return in_group(
      "Direct Line",
      {
          upstream_url(
              {"DIRECTLINE_TOKEN_ENDPOINT", "",
               "Copilot Studio's token endpoint, from the channel page of the assistant. Tried "
               "first.",
               "https://<environment>.environment.api.powerplatform.com/powervirtualagents/"
               "botsbyschema/<schema>/directline/token?api-version=2022-03-01-preview"},
              "an https URL", false, true,
              [](auto& c) -> auto& { return c.directline.token_endpoint; }),
          secret(
              {"DIRECTLINE_SECRET", "",
               "Web channel secret of the assistant; used when there is no token endpoint, or it "
               "fails.",
               "the secret from Settings > Security > Web channel security"},
              "any text", [](auto& c) -> auto& { return c.directline.secret; }),
          upstream_url(
              {"DIRECTLINE_ENDPOINT_BASE", "https://directline.botframework.com",
               "Direct Line host for the secret: a regional one for agents whose data must stay in "
               "a region.",
               "https://europe.directline.botframework.com"},
              "an https URL without /v3/directline", true, false,
              [](auto& c) -> auto& { return c.directline.endpoint_base; }),
      });
}

}  // namespace bridge::config
