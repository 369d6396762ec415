package pluginhost

import (
	"context"
	"errors"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/mounter"
)

// instance is one run of a plugin.
type instance struct {
	process
	client    *goplugin.Client
	conn      *grpc.ClientConn
	base      sdk.Base
	builder   builder.Builder // of a builder
	mounter   mounter.Mounter // of a mounter
	info      sdk.Info
	timing    Timing
	startedAt time.Time
}

func (i *instance) attach(conn *grpc.ClientConn, kind sdk.KindName, hostVersion string) {
	i.conn = conn
	i.base = sdk.NewBaseClient(conn, sdk.WithHostVersion(hostVersion))
	switch kind {
	case sdk.KindBuilder:
		i.builder = builder.NewClient(conn)
	case sdk.KindMounter:
		i.mounter = mounter.NewClient(conn)
	}
}

var errNotServing = errors.New("it says that it does not serve")

// check asks the plugin whether it is alive. go-plugin's own Ping has no deadline and takes any answer
// for a good one.
func (i *instance) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, i.timing.HealthDeadline)
	defer cancel()
	answer, err := grpc_health_v1.NewHealthClient(i.conn).
		Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	if err != nil {
		return err
	}
	if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return errNotServing
	}
	return nil
}

// stop lets running calls end within grace, then ends the plugin. It always returns with the plugin
// gone, unless the kernel cannot kill it.
func (i *instance) stop(ctx context.Context, grace time.Duration) {
	drain, cancel := context.WithTimeout(ctx, grace+i.timing.HealthDeadline)
	_, _ = i.base.Drain(drain, grace) // a plugin that cannot drain is ended all the same
	cancel()
	i.destroy(ctx)
}

// destroy ends the plugin in the time that Timing.Kill gives, or until ctx ends, then by force.
// go-plugin's Kill asks a plugin to shut down and waits for the answer for ever, so it runs aside.
func (i *instance) destroy(ctx context.Context) {
	defer context.AfterFunc(ctx, i.kill)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.client.Kill()
	}()
	force := time.AfterFunc(i.timing.Kill, i.kill)
	defer force.Stop()
	give := time.NewTimer(2 * (i.timing.Kill + drainLimit))
	defer give.Stop()
	select {
	case <-done:
	case <-give.C: // the kernel has not ended it; there is no more to do
	}
	if i.conn != nil {
		_ = i.conn.Close() // closed already is fine
	}
}

// isGone reports whether nothing is left of the plugin, which its owner may not have noticed yet.
func (i *instance) isGone() bool {
	select {
	case <-i.gone():
		return true
	default:
		return false
	}
}

// drainLimit bounds what happens after a forced end: output that a stray grandchild keeps open.
const drainLimit = 2 * time.Second

// exitNotice is how long it may take until the end of a process is seen after its connection broke. It
// includes the time for output that a stray grandchild keeps open.
const exitNotice = 2 * time.Second

// settle waits for a plugin that is just ending to be gone, so that the reason is known.
func (i *instance) settle() {
	timer := time.NewTimer(exitNotice)
	defer timer.Stop()
	select {
	case <-i.gone():
	case <-timer.C:
	}
}
