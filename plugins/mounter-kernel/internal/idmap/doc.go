// Package idmap shows a directory with its owner exchanged for another, without touching any file.
//
// Content belongs to the game's user, so that what a game copies up is its own. A build script runs
// as another user and has to change the same files. An idmapped mount (mount_setattr(2)) of the base
// revision shows the game's files as the script's. Needs Linux 5.19 for overlayfs on top, and
// CAP_SETUID and CAP_SETGID to write the maps.
package idmap
