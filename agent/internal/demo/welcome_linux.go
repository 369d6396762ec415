package demo

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/left4me/left4me/agent/client"
)

// demoCollection is the collection that the workshop's stand-in serves.
const demoCollection = "3900000001"

func (d *demo) url() string { return "http://" + d.Panel }

// startPanel runs the panel and waits until it answers.
func (d *demo) startPanel(ctx context.Context) error {
	var err error
	// The demo has no TLS, so cookies may go over plain HTTP here (S3).
	d.panel, err = d.start("left4me-web", nil, "serve", "--listen", d.Panel, "--state-dir", d.panelState(),
		"--agent-socket", d.layout.socket(), "--agent-name", "demo", "--insecure-cookies")
	if err != nil {
		return err
	}
	return d.until(ctx, d.panel, "the panel answers", func() bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url()+"/health", nil)
		if err != nil {
			return false
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func (d *demo) panelState() string { return filepath.Join(d.layout.State, "web") }

// setupLink returns the one-time link that makes the first account, or "" when there is one already.
func (d *demo) setupLink(ctx context.Context) (string, error) {
	command := exec.CommandContext(ctx, filepath.Join(d.Bin, "left4me-web"), "setup-link", "--state-dir", d.panelState(), "--url", d.url())
	var output strings.Builder
	command.Stdout, command.Stderr = &output, d.stderr
	err := d.reaper.own(func() (int, error) {
		if err := command.Start(); err != nil {
			return 0, err
		}
		return command.Process.Pid, nil
	})
	if err == nil {
		err = command.Wait()
		d.reaper.disown(command.Process.Pid)
	}
	if err != nil {
		return "", fmt.Errorf("ask the panel for its set-up link: %w", err)
	}
	return strings.TrimSpace(output.String()), nil
}

// welcome tells where to go and what this demo lacks.
func (d *demo) welcome(ctx context.Context, agent *client.Client) error {
	link, err := d.setupLink(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stdout, "\nleft4me runs.\n\n")
	if link != "" {
		fmt.Fprintf(d.stdout, "  Open       %s\n             (makes your account; works once)\n", link)
	} else {
		fmt.Fprintf(d.stdout, "  Open       %s\n", d.url())
	}
	socket := filepath.Join(d.State, "run", "agent.sock")
	fmt.Fprintf(d.stdout, "  Or type    %s --socket %s server start %s\n", filepath.Join(d.Bin, "left4me"), socket, demoServer)
	fmt.Fprintf(d.stdout, "  Logs       %s\n  End        Ctrl-C\n", filepath.Join(d.State, "log"))
	host, err := agent.Host(ctx)
	if err != nil {
		return err
	}
	notices := host.Notices
	if d.layout.Rootless {
		notices = append([]string{"Without root, scripts and games run as you, and memory is watched instead of limited. Run it as root to see users kept apart."}, notices...)
	}
	for _, notice := range notices {
		fmt.Fprintf(d.stdout, "\n  Note: %s\n", notice)
	}
	fmt.Fprintln(d.stdout)
	return nil
}
