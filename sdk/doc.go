// Package sdk is what a left4me plugin is made with.
//
// A plugin is a program whose main function calls [Serve] with one plugin kind: a builder
// (package builder) or a mounter (package mounter). Serve speaks the protocol that the agent
// expects, and gives the program the subcommands "describe", "schema" and "version".
//
// The wire protocol is defined by the .proto files below sdk/proto and explained in
// docs/reference/plugin-protocol.md, so a plugin can also be written in another language.
package sdk
