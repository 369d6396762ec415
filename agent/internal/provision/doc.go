// Package provision makes a host ready for left4me and keeps it so: files, users, directories, configuration,
// databases, units.
//
// Every step looks first and changes only what differs, names what it changed, and touches nothing below a
// directory that can hold a mount. So it may run at any time, on a host with servers running (S1), from a tree
// that was built or from the scripts of a package.
//
// What varies between hosts is little: numbers of users in the mounter's configuration, and what the operator
// edited. The [Record] in the state directory remembers what an earlier run installed; it is how an edited file is
// told from an old one, and a unit that must be restarted from one that runs what is installed.
package provision
