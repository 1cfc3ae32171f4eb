# SPDX-License-Identifier: MIT
"""Serves the old Python bridge for comparison: its own app where flask_sock is installed, else its
blueprint without the WebSocket, which the comparison does not use."""

try:
    from app import app
except ModuleNotFoundError as missing:
    if missing.name != "flask_sock":
        raise
    import flask
    from servicenow_bridge import bp

    app = flask.Flask("old_bridge")
    app.register_blueprint(bp)
    app.add_url_rule("/healthz", view_func=lambda: flask.jsonify(status="ok"))
