// Package query speaks what a Source engine server speaks: RCON, A2S, the text of `status`, log lines and
// console text.
//
// It holds protocol code without policy: it decides neither when to ask nor what an answer means for a
// server's state, and keeps no timers of its own. Everything it parses comes from a game server, and so
// in part from strangers who play there: every parser is bounded, none trusts a length it was sent, and
// names that imitate the text around them do not shift a field.
//
// Formats: the Source RCON protocol and the server queries as Valve's developer wiki describes them, and
// the HL log standard; where Left 4 Dead 2 differs, the code says so.
package query
