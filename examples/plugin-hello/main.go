// Command hello is a left4me plugin: a builder whose overlays hold one text file.
package main

import (
	"context"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

type settings struct {
	Text string `json:"text" jsonschema:"what motd.txt says"`
}

func main() { sdk.Serve(newPlugin()) }

func newPlugin() *builder.Plugin {
	return builder.New("hello", "0.1.0", build, builder.WithExamples(settings{"Hello!"}, settings{"Bye!"}))
}

func build(_ context.Context, b *builder.Build[settings]) error {
	b.Step("write", 0, 1)
	return b.Dir.WriteFile("motd.txt", []byte(b.Settings.Text), 0o644)
}
