// Package srcds simulates srcds_linux, the dedicated server of a Source engine game: its options, console,
// configuration files, add-ons, logs, RCON and server queries, and its ways to fail.
//
// One goroutine is the engine: everything that touches the game's state runs there, one call after another,
// as in the real single-threaded main loop. A hung engine therefore answers nothing at all, while its ports
// stay open.
package srcds
