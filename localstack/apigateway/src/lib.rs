//! Amazon API Gateway (HTTP and WebSocket APIs) on this machine.
