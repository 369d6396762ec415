// Package sdktest tests plugins. [RunBuilder] and [RunMounter] hold a plugin against everything the
// protocol promises, over real gRPC in the test's process and as a real process; [NewMemBuilder] and
// [NewDirMounter] are complete plugins that pass and serve as stand-ins in tests of a host.
//
// Every check has a number and a name, so that "go test -run '/C39'" runs one. A check that does not
// apply to a plugin is skipped and says why.
package sdktest
