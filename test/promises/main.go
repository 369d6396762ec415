// Command promises runs every test that says which promise it shows, and prints the list of promises with what shows
// each. A test says so by its name (TestS04…) or by an id in the comment above it (S4).
//
//	go run ./test/promises           run them, print the table; fails if one fails or a promise has no test that passed
//	go run ./test/promises --list    only say which tests there are
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, slices.Contains(os.Args[1:], "--list")); err != nil {
		fmt.Fprintln(os.Stderr, "promises:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, list bool) error {
	tests, err := find(".")
	if err != nil {
		return err
	}
	if !list {
		err = execute(ctx, tests)
	}
	if printErr := table(os.Stdout, tests, list); err == nil {
		err = printErr
	}
	return err
}
