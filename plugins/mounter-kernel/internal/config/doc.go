// Package config reads the mounter's settings: what the agent passes on from the operator's plugin
// block, and a file that only root can write, which stands above it. The mounter has more privilege
// than the agent, so in production the file decides which directory and which users it touches.
package config
