// Package e2e runs the real programs together: what make run starts, and agents that are killed. It has tests and
// benchmarks only, for Linux only.
package e2e
