// Package process is the supervisor for hosts without systemd: containers, development, the demonstration.
//
// Every game runs under a shim of its own: this program, started again in a session of its own, which
// outlives the agent. The shim runs the game without privileges, writes what it prints to segment files,
// stops it when asked to, and writes down how it ended. Agent and shim talk through files and one signal,
// so either may be killed at any instant:
//
//	<dir>/<server>/lock         held from before the shim is forked until it ends: the only proof of life
//	<dir>/<server>/plan.json    what to run; written by the agent
//	<dir>/<server>/state.json   what is known; written by the shim while it lives, else by the agent
//	<dir>/<server>/stop.json    how to stop; written by the agent, which then sends SIGUSR1
//	<dir>/<server>/console/     see segment.go
//
// When the shim is killed, the kernel kills the game's first process, and the agent, now or at its next
// start, everything else that carries the unit's mark in its environment. Where a cgroup is given, the
// kernel's cgroup.kill does this without a way out.
package process
