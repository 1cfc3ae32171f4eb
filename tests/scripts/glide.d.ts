// SPDX-License-Identifier: MIT
// What a global-scope server script finds in its scope. The vendor declares the classes; the names
// of the scope, and GlideImpersonate, are ours.
import * as glide from '@servicenow/glide';
import * as chat from '@servicenow/glide/sn_cs';
import * as web from '@servicenow/glide/sn_ws';
import * as rest from '@servicenow/glide/sn_ws_int';

declare global {
  const gs: typeof glide.gs;
  const GlideRecord: typeof glide.GlideRecord;
  type GlideRecord = glide.GlideRecord;
  const GlideDateTime: typeof glide.GlideDateTime;
  const GlideDigest: typeof glide.GlideDigest;

  namespace sn_cs {
    const VASystemObject: typeof chat.VASystemObject;
    // Declared there with `attachmentSysIds?: []`, an array that can only be empty.
    const AgentChatScriptObject: typeof chat.AgentChatScriptObject;
  }
  namespace sn_ws {
    const RESTMessageV2: typeof web.RESTMessageV2;
  }

  /** Global scope only; the vendor's declarations lack it. */
  class GlideImpersonate {
    impersonate(userSysId: string): string;
    canImpersonate(userSysId: string): boolean;
  }

  /** Documented for the global scope; the vendor's declarations lack both. */
  class GlideCertificateEncryption {
    /** The key and the answer are Base64; `algorithm` is Java's name, such as HmacSHA256. */
    generateMac(keyBase64: string, algorithm: string, data: string): string;
  }
  namespace GlideStringUtil {
    function base64Encode(text: string): string;
  }

  /** The arguments of a Scripted REST resource and of a business rule. */
  const request: rest.RESTAPIRequest;
  const response: rest.RESTAPIResponse;
  const current: glide.GlideRecord;
  const previous: glide.GlideRecord | null;
}
