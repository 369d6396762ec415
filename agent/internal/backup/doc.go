// Package backup puts what cannot be made again into one archive, and puts it back: the databases of agent and panel,
// the configuration, and what servers wrote (their uppers). Content that has a recipe, overlays and the game, is not
// in it; after a restore it is built again.
//
// The archive is a tar file (POSIX.1-2001, pax) compressed with gzip:
//
//	manifest.json             format, version, time, host
//	agent.db  panel.db        complete databases
//	etc/NAME                  files of /etc/left4me
//	servers/ID/upper/…        what a server wrote: files, directories, links, and overlayfs' marks of deleted files
//	SHA256SUMS                of every file before it, as sha256sum(1) writes it
//
// It works on a host whose agent is dead, so it reads uppers itself, as root, beneath directories that it holds open,
// and not through the mounter.
package backup
