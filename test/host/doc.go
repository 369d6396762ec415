// Package host tests left4me on a real host: a booted Debian with systemd, provisioned as a person would do it.
//
// "make test-host" runs it with everything else that boots a host, and prints which test shows which line of the
// list of promises (S1 to S19).
package host
