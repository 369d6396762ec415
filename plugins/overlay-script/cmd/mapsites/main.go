// Command mapsites serves stand-ins for the sites of the example scripts, for demonstrations and
// tests without a network. It prints the address it listens on, and ends when its input does.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/standin"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	base := flag.String("base", "", "scheme and host of links in lists; empty means the address")
	flag.Parse()
	if err := run(*listen, *base); err != nil {
		fmt.Fprintln(os.Stderr, "mapsites:", err)
		os.Exit(1)
	}
}

func run(listen, base string) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	if base == "" {
		base = "http://" + listener.Addr().String()
	}
	sites := standin.New(base)
	mux := http.NewServeMux()
	mux.Handle("/_control/", http.StripPrefix("/_control", sites.Control()))
	mux.Handle("/", sites)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
