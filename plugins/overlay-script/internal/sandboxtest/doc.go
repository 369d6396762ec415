// Package sandboxtest holds the attacks and promises that every sandbox must pass, whatever it is made with. Each
// backend's own tests call [Run]. For tests on Linux only.
package sandboxtest
