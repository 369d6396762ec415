// Command promises prints the list of promises with what shows each. A test says which promise it shows by its name
// (TestS04…) or by an id in the comment above it (S4).
//
//	go run ./test/promises                   run these tests; fails if one fails or a promise has no test that passed
//	go run ./test/promises --results FILE    take the results from what go test -json printed ("-": from the file of
//	                                         gotestsum, whose --post-run-command this is); tests may be skipped
//	go run ./test/promises --list            only say which tests there are
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	list := flag.Bool("list", false, "only say which tests there are")
	results := flag.String("results", "", "what go test -json printed, instead of running the tests")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *list, *results); err != nil {
		fmt.Fprintln(os.Stderr, "promises:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, list bool, results string) error {
	tests, err := find(".")
	if err != nil {
		return err
	}
	switch {
	case list:
		names(os.Stdout, tests)
		return table(os.Stdout, tests, listed)
	case results != "":
		return fromResults(os.Stdout, tests, results)
	}
	err = execute(ctx, tests)
	if printErr := table(os.Stdout, tests, shown); err == nil {
		err = printErr
	}
	return err
}
