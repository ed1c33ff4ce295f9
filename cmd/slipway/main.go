// Command slipway ships every commit, and knows whether it should have.
package main

import (
	"os"

	"github.com/slipwayhq/slipway/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
