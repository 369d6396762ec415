// Package seccomp makes the system call filter that every script runs under, whatever sandbox it is in.
package seccomp
