package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/slipwayhq/slipway/internal/fault"
)

// joining is for programs that join a server. Everybody on a machine can read the command line of its processes, and every program of the same user their environment:
// tests, too, which whoever may push can write. So the token is taken out of both before anything else is done.
type joining struct {
	Join   string `help:"Join token, for the first start, or @FILE that holds it; an admin makes it with: slipway join-token." env:"SLIPWAY_JOIN"`
	JoinFD int    `name:"join-fd" help:"Open file that holds the join token." hidden:"" default:"-1"`
}

const (
	joinVariable = "SLIPWAY_JOIN"
	maxJoinToken = 4096 // bytes
)

// token gives the join token, empty where there is none. Where others could see it, it does not return but starts the program anew, as the same process, without it.
func (j joining) token() (string, error) {
	switch {
	case j.JoinFD >= 0:
		return readToken(os.NewFile(uintptr(j.JoinFD), "the join token"))
	case strings.HasPrefix(j.Join, "@"):
		f, err := os.Open(j.Join[1:])
		if err != nil {
			return "", fault.Invalid("--join %s: %v", j.Join, err).At("join")
		}
		return readToken(f)
	case j.Join == "":
		return "", nil
	}
	argv, environ, found := hideToken(os.Args, os.Environ(), j.Join)
	if !found { // this is no program of its own
		return j.Join, nil
	}
	if err := again(argv, environ, j.Join); err != nil {
		return "", fmt.Errorf("take the join token out of sight: %w; give it as --join @FILE", err)
	}
	return j.Join, nil
}

func readToken(f *os.File) (string, error) {
	text, err := io.ReadAll(io.LimitReader(f, maxJoinToken))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("read the join token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fault.Invalid("%s holds no join token", f.Name()).At("join")
	}
	return token, nil
}

// hideToken takes the token out of a command line and an environment; found tells whether it was there.
func hideToken(argv, environ []string, token string) (hiddenArgv, hiddenEnviron []string, found bool) {
	for i := 0; i < len(argv); i++ {
		switch {
		case argv[i] == "--join" && i+1 < len(argv) && argv[i+1] == token:
			i++
		case argv[i] == "--join="+token:
		default:
			hiddenArgv = append(hiddenArgv, argv[i])
		}
	}
	hiddenEnviron = slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return v == joinVariable+"="+token })
	return hiddenArgv, hiddenEnviron, len(hiddenArgv) < len(argv) || len(hiddenEnviron) < len(environ)
}

// again starts this program anew in its own place, with the token in a pipe.
func again(argv, environ []string, token string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe() // it takes far more than a token without a reader
	if err != nil {
		return err
	}
	_, err = w.WriteString(token)
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	inherited, err := syscall.Dup(int(r.Fd())) // unlike the pipe itself it is not closed on exec
	if err != nil {
		return err
	}
	return syscall.Exec(exe, append(argv, "--join-fd="+strconv.Itoa(inherited)), environ)
}
