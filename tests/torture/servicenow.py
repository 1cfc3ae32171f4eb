# SPDX-License-Identifier: MIT
"""The sandbox's control interface: what agents do, what their panes show, which faults are in force."""

import aiohttp

import wire

ADMIN = aiohttp.BasicAuth("admin", "sandbox-user-password").encode()
OVER = ("wrap_up", "closed_complete", "closed_abandoned", "faulted")


class ControlFailed(Exception):
    """The stand-in itself did not do what it was asked, or did not answer."""


class ServiceNow:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self._http = wire.session()
        self.struck = {}  # "target mode" -> how often

    async def close(self):
        await self._http.close()

    async def get(self, path, headers=None, patience=30.0):
        answer = await wire.call(self._http, "GET", self.url + path, headers=headers, timeout=patience)
        if answer.status != 200:
            raise ControlFailed(f"GET {path}: {answer}")
        return answer.body

    async def post(self, path, body, patience=30.0):
        """Any answer: agents are refused when a chat has ended meanwhile, or is somebody else's."""
        return await wire.call(self._http, "POST", self.url + path, body, timeout=patience)

    async def must(self, path, body):
        answer = await self.post(path, body)
        if not answer.ok:
            raise ControlFailed(f"POST {path}: {answer}")
        return answer.body

    async def interaction(self, number):
        return await self.get(f"/sandbox/interactions/{number}")

    async def pane(self, number):
        return await self.get(f"/sandbox/interactions/{number}/pane")

    async def act(self, number, action, **body):
        return await self.post(f"/sandbox/interactions/{number}/{action}", body)

    async def open_chats(self):
        """Number, key and state of every chat that is not over."""
        query = "/api/now/table/interaction?sysparm_query=active%3Dtrue&sysparm_fields=number,u_bridge_session_id,state,sys_id"
        body = await self.get(query + "&sysparm_limit=200", {"Authorization": ADMIN})
        return [row for row in body["result"] if row.get("state") not in OVER]

    async def chats_of(self, key):
        query = "/api/now/table/interaction?sysparm_fields=number,u_bridge_session_id,state&sysparm_query=u_bridge_session_idSTARTSWITH"
        body = await self.get(query + key, {"Authorization": ADMIN})
        return body["result"]

    async def marks(self, conversation):
        """sys_id -> the id under which the bridge sent the row. Only for the story of a failure."""
        query = "/api/now/table/sys_cs_message?sysparm_fields=sys_id,u_bridge_message_id&sysparm_query=conversation%3D"
        try:
            body = await self.get(query + conversation, {"Authorization": ADMIN})
        except ControlFailed:
            return {}
        return {row["sys_id"]: row.get("u_bridge_message_id", "") for row in body["result"]}

    # ---- Faults ---------------------------------------------------------------------------------

    async def set_faults(self, faults):
        """These and no others: (target, fault), the first that strikes a call wins."""
        await self._count()
        await self.drop_faults()
        for target, fault in faults:
            await self.must("/sandbox/faults", {"target": target, **fault})

    async def drop_faults(self):
        answer = await wire.call(self._http, "DELETE", self.url + "/sandbox/faults", {}, timeout=30.0)
        if not answer.ok:
            raise ControlFailed(f"DELETE faults: {answer}")

    async def _count(self):
        for fault in await self.get("/sandbox/faults"):
            if fault["hits"]:
                name = f"{fault['target']} {fault['mode']}"
                self.struck[name] = self.struck.get(name, 0) + fault["hits"]

    async def heal(self):
        await self._count()
        await self.drop_faults()
