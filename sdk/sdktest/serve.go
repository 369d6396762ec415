package sdktest

import (
	"context"
	"net"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/left4me/left4me/sdk"
)

// Serve serves p inside the test's process over real gRPC and returns a connection to it, for
// sdk.NewBaseClient and the NewClient functions. The plugin is not configured yet; see [Configure].
func Serve(t T, p sdk.Plugin) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := sdk.NewServer(p, hclog.NewNullLogger())
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///plugin",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return listener.DialContext(ctx)
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatalf("connect to the plugin: %v", err)
	}
	t.Cleanup(func() {
		_ = conn.Close() // fails only when closed before
		server.Stop()
		if err := <-done; err != nil {
			t.Errorf("the plugin's server ended with: %v", err)
		}
	})
	return conn
}

// Configure configures the plugin behind conn with directories of the test and fails the test when
// the plugin refuses.
func Configure(t T, conn grpc.ClientConnInterface, settings sdk.Settings) {
	t.Helper()
	if settings.StateDir == "" {
		settings.StateDir = t.TempDir()
	}
	if settings.CacheDir == "" {
		settings.CacheDir = t.TempDir()
	}
	if settings.LogLevel == "" {
		settings.LogLevel = "debug"
	}
	found, err := sdk.NewBaseClient(conn).Configure(patient(t), settings)
	if err != nil {
		t.Fatalf("Configure: %v", err)
	}
	if sdk.HasErrors(found) {
		t.Fatalf("Configure refused settings that should be right: %+v", found)
	}
}
