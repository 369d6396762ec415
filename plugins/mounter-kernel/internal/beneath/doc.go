// Package beneath works on files below an open directory and cannot be led out of it.
//
// Every step goes through openat2 with a directory descriptor, without following links and without
// crossing mounts, so a directory that is swapped for a link while we work gives an error and not
// somebody else's file. Linux 5.6 or later.
package beneath
