// Package systemd is a sandbox made with systemd: each run is an instance of the template unit left4me-sandbox@.service,
// which root wrote. The plugin may start and stop such units and nothing else (polkit), so a plugin that is taken over
// cannot choose what runs, as whom, or what it sees.
//
// What varies per run is data. Systemd makes the run's directory, for which the plugin then has a request: the script,
// its variables, lower limits. The unit's program, which is the plugin's own ([MaybeRun]), reads it with the rights of
// the script, runs the script and reports how it ended. Both talk through named pipes in that directory: two for the
// script's outputs, one for reports, and one that the plugin holds open as long as it lives. When it closes, the program
// ends, and systemd kills everything that is left in the unit's cgroup.
package systemd
