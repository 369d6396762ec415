#!/bin/bash
# Starts srcds_linux as the game's own script does: same options, same messages, same restart rule, and
# arguments that are handed on split by blanks. It does not wait ten seconds when run as root.

init() {
	GAME="left4dead2"
	HL="./srcds_linux"
	HL_ARGS=()
	DEFAULT_MAP="c1m1_hotel"
	HAS_MAP=""
	NO_DEFAULT_MAP=""
	RESTART="yes"
	TIMEOUT=10
	PID_FILE=""
	DEBUG=""
	SIGINT_ACTION='quit 0'
	export LD_LIBRARY_PATH=".:bin:$LD_LIBRARY_PATH"

	while [ $# -gt 0 ]; do
		case "$1" in
		-game) GAME="$2"; HL_ARGS+=("$1" "$2"); shift ;;
		-debug) DEBUG=1 ;;
		-norestart) RESTART="" ;;
		-nodefaultmap) NO_DEFAULT_MAP=1 ;;
		-timeout) TIMEOUT="$2"; shift ;;
		-binary) HL="$2"; shift ;;
		-pidfile) PID_FILE="$2"; HL_ARGS+=("$1" "$2"); shift ;;
		-debuglog | -consolelog | -steam_dir | -steamcmd_script) shift ;;
		-gdb | -autoupdate | -steamerr) ;;
		-ignoresigint) SIGINT_ACTION="" ;;
		-notrap) SIGINT_ACTION="-" ;;
		-help) usage; quit 0 ;;
		+map) HAS_MAP=1; HL_ARGS+=("$1") ;;
		*) HL_ARGS+=("$1") ;;
		esac
		shift
	done

	if [ ! -f "$GAME/gameinfo.txt" ]; then
		echo "ERROR: Invalid game type '$GAME' sepecified."
		quit 1
	fi
	if [ ! -f "$HL" ]; then
		echo "ERROR: Source Engine binary '$HL' not found, exiting"
		quit 1
	fi
	if [ -z "$HAS_MAP" ] && [ -z "$NO_DEFAULT_MAP" ]; then
		echo "WARNING: No map specified! Defaulting to $DEFAULT_MAP"
		HL_ARGS+=("+map" "$DEFAULT_MAP")
	fi
	HL_CMD="$HL ${HL_ARGS[*]}"
	if [ "$SIGINT_ACTION" = "-" ]; then return; fi
	trap "$SIGINT_ACTION" INT
}

usage() {
	echo "srcds_run [-game GAME] [-norestart] [-nodefaultmap] [-pidfile F] [-binary F] [-timeout N] [-debug]"
	echo "          [-ignoresigint] [-notrap] [options of srcds_linux]"
}

debugcore() {
	if [ "$1" -ne 0 ] && [ -z "$DEBUG" ]; then
		echo "Add \"-debug\" to the $0 command line to generate a debug.log to help with solving this problem"
	fi
}

run() {
	if [ -n "$RESTART" ]; then
		echo "Server will auto-restart if there is a crash."
	fi
	while true; do
		# Not quoted on purpose: this is where the real script loses quotes.
		$HL_CMD
		retval=$?
		if [ $retval -eq 0 ]; then break; fi
		debugcore $retval
		if [ -z "$RESTART" ]; then
			code=$retval
			break
		fi
		echo "$(date): Server restart in $TIMEOUT seconds"
		sleep "$TIMEOUT"
	done
}

quit() {
	if [ -n "$PID_FILE" ]; then rm -f "$PID_FILE"; fi
	if [ "$1" != 0 ]; then
		echo "$(date): Server Failed"
	else
		echo "$(date): Server Quit"
	fi
	trap - INT
	exit "${1:-0}"
}

cd "$(dirname "$0")" || exit 1
if [ "${EUID:-0}" = 0 ]; then
	echo "WARNING: Running the dedicated server as root"
fi
code=0
init "$@"
run
quit "$code"
