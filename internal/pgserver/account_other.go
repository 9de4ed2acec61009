//go:build !linux

package pgserver

import (
	"fmt"
	"os/exec"
	"syscall"
)

func attributes(string) (*syscall.SysProcAttr, error) {
	return nil, fmt.Errorf("servers for tests run on Linux alone: %w", exec.ErrNotFound)
}
