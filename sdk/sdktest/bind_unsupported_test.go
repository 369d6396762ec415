//go:build !linux

package sdktest_test

import "errors"

func bind(string) error { return errors.New("there are no bind mounts here") }

func unbind(string) {}
