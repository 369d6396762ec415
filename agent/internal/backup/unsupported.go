//go:build !linux

package backup

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// Options of a backup.
type Options struct {
	Root, Version, Host string
	Now                 time.Time
}

// Result is what a backup holds.
type Result struct {
	Servers, Files int
	Bytes          int64
	Notes          []string
}

// Restored is what a restore brought back, and what is to be made again.
type Restored struct {
	Manifest Manifest
	Files    int
	Kept     []string
	Rebuild  sqlite.Recipe
}

func unsupported() error {
	return fault.New(fault.Precondition, "Backups are made and restored on Linux.").WithHint("Run this on the host.")
}

// Create fails.
func Create(context.Context, string, Options) (Result, error) { return Result{}, unsupported() }

// Restore fails.
func Restore(context.Context, string, string) (Restored, error) { return Restored{}, unsupported() }

// Verify fails.
func Verify(context.Context, string) (Manifest, error) { return Manifest{}, unsupported() }
