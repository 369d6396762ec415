// Command steam-standin serves a stand-in for the Steam Web API and CDN on a loopback address.
//
//	steam-standin --listen 127.0.0.1:0 --demo DIR     small add-ons made into DIR
//	steam-standin --listen 127.0.0.1:0 --world FILE   items described by a JSON file
//
// It prints one line "listening on http://…" and runs until it gets SIGINT or SIGTERM. With --parent-stdin it also
// ends when its standard input does, so that it never outlives the program that started it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "steam-standin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("steam-standin", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "loopback `address` to listen on")
	demo := flags.String("demo", "", "make demonstration add-ons in this `directory` and serve them")
	description := flags.String("world", "", "serve what this JSON `file` describes")
	parent := flags.Bool("parent-stdin", false, "end when standard input ends")
	if err := flags.Parse(args); err != nil {
		return err
	}
	world, err := load(*demo, *description)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	if address, ok := listener.Addr().(*net.TCPAddr); !ok || !address.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("%s is not a loopback address; a stand-in must not be reachable", *listen), listener.Close())
	}
	fmt.Fprintf(stdout, "listening on http://%s\n", listener.Addr())
	if *parent {
		var end context.CancelFunc
		ctx, end = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			end()
		}()
	}
	server := &http.Server{Handler: standin.New(world), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close() // open downloads are cut: it is a stand-in
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func load(demo, description string) (standin.World, error) {
	switch {
	case demo != "" && description == "":
		if err := os.MkdirAll(demo, 0o755); err != nil {
			return standin.World{}, err
		}
		return standin.Demo(demo)
	case description != "" && demo == "":
		return standin.Load(description)
	}
	return standin.World{}, errors.New("give either --demo or --world")
}
