// Package httpapi serves the agent's HTTP API: one table of routes, each with its access policy,
// strict decoding, and streams as server-sent events. It holds no logic; that is in [Services].
package httpapi
