// Package hostrig boots a real Debian with systemd as PID 1 for tests, so that units, polkit rules, users, mounts and
// limits are tested as a production host has them.
//
// A root directory is made once with debootstrap, from the mirror that the machine's own apt uses, and kept in a cache
// ([CacheVariable] moves it). Each [Boot] lays an overlayfs over it and starts it with systemd-nspawn in namespaces and
// cgroups of its own, without a network but what the test gives it ([Host.Internet]). It needs root on Linux; elsewhere
// a test is skipped and says why.
//
// A package that wants one host for many tests makes a [Shared] in TestMain. Tests of other modules run inside a host
// with [Host.GoTest].
package hostrig
