// Package bubblewrap is a sandbox made with bubblewrap, for hosts without systemd. It needs no
// privilege but unprivileged user namespaces, and works as root and inside another user namespace
// as well.
//
// A run is three stages. The plugin starts itself again in a new user, PID and network namespace
// ([MaybeChild]), as the sandbox's user. That child sets the resource limits, prepares the network
// namespace (package egress) and becomes bwrap, which makes a further user namespace without any
// power over the first one, builds the view of the system, drops what is left, installs the seccomp
// filter and runs the script. Neither the script's text nor its environment is ever on a command
// line.
//
// Around it the plugin holds a cgroup where the host allows one, watches time, disk and memory, and
// ends a run by killing the first process of its outer PID namespace: the kernel then kills all others.
package bubblewrap
