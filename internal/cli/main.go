package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/cli/limits"
	"github.com/slipwayhq/slipway/internal/cli/optionsfile"
)

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotPromoted = 3
	exitInterrupted = 130
)

// verbs is the command line as kong reads it.
type verbs struct {
	Serve serveCmd `cmd:"" help:"Run the server: everything on one machine, without a flag."`
	Agent agentCmd `cmd:"" help:"Make this machine a host for releases, a worker for tests, or both."`
	Edge  edgeVerb `cmd:"" help:"Run the front proxy apart from the server."`
	Demo  demoCmd  `cmd:"" help:"Show it all on this machine: a shop, its visitors, a good commit and a bad one."`
	Drill drillCmd `cmd:"" help:"Plant a fault in the running demo on purpose, and watch it undone."`

	Init   initCmd   `cmd:"" help:"Look at this repository and write a .slipway.yaml for it."`
	Login  loginCmd  `cmd:"" help:"Sign in to a server and remember it."`
	Logout logoutCmd `cmd:"" help:"Forget a server's token."`

	Watch    watchCmd     `cmd:"" help:"Follow a rollout: its steps and the evidence."`
	Builds   buildsCmd    `cmd:"" help:"List builds, or show one with its units."`
	Logs     logsCmd      `cmd:"" help:"Print what a build printed."`
	Cancel   cancelCmd    `cmd:"" help:"Cancel a build."`
	Retry    retryCmd     `cmd:"" help:"Build the same commit again."`
	Hotfix   hotfixCmd    `cmd:"" help:"Ship the newest build without its tests, its watch, or both."`
	Releases releasesCmd  `cmd:"" help:"List releases."`
	Rollouts rolloutsVerb `cmd:"" help:"List rollouts, show one, or call its verdict right or wrong."`
	Score    scoreCmd     `cmd:"" help:"Keep the score of past verdicts: false alarms against the budget, harm spared."`
	Judge    judgeCmd     `cmd:"" help:"Judge a past rollout again with other settings, or counts from elsewhere."`
	Shadow   shadowCmd    `cmd:"" help:"Say what Slipway would have said of past deploys, from access logs or a Prometheus."`
	Vitals   vitalsVerb   `cmd:"" help:"Try the vitals by which releases are judged."`
	Hosts    hostsCmd     `cmd:"" help:"List hosts, workers and edges."`

	Events eventsVerb `cmd:"" help:"Ask what users did, follow it, and repair what failed."`
	Load   loadVerb   `cmd:"" help:"Send events, and see that none is lost."`

	Flag   flagVerb   `cmd:"" help:"Show and change flags, plan changes, try visitors, and keep flags as code."`
	Switch switchVerb `cmd:"" help:"Turn a switch on or off for all, or list switches."`
	Sample sampleVerb `cmd:"" help:"Set what share of the questions a sample is on for, or list samples."`
	Limit  limitVerb  `cmd:"" help:"Show and change rate limits, say who has how much left, and try other limits."`

	Promote  promoteCmd  `cmd:"" help:"Give a release to everyone now."`
	Pause    pauseCmd    `cmd:"" help:"Stop a rollout where it is; a regression still brings it back."`
	Resume   resumeCmd   `cmd:"" help:"Go on with a paused or held rollout."`
	Rollback rollbackCmd `cmd:"" help:"Go back to the last good release, or to a certain one."`
	Freeze   freezeCmd   `cmd:"" help:"Hold everything new."`
	Unfreeze unfreezeCmd `cmd:"" help:"Let go on what waits."`
	Config   configVerb  `cmd:"" help:"Show and change settings and secrets."`

	Tokens    tokensVerb   `cmd:"" help:"List, make and revoke tokens of people."`
	JoinToken joinTokenCmd `cmd:"" help:"Make a token by which machines join."`
	People    peopleVerb   `cmd:"" help:"List, add and remove people, and say who may do what."`
	Version   versionCmd   `cmd:"" help:"Print the version."`

	GitCredential gitCredentialCmd `cmd:"" hidden:"" help:"Give git the token of a server (git's credential helper protocol)."`
	GitHook       gitHookCmd       `cmd:"" hidden:"" help:"What git runs inside the server."`
}

// program is what a verb runs in.
type program struct {
	ctx            context.Context //nolint:containedctx // the life of the program: kong gives Run no other way
	stdin          io.Reader
	stdout, stderr io.Writer
	file           optionsfile.File // of serve, agent and edge
}

// Main runs one command line and gives the exit status.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == proc.KeeperCommand {
		return proc.KeeperMain() // no verb: a worker waits for it, and nobody else starts one
	}
	ctx, stop := untilSignal(context.Background())
	defer stop()
	p := &program{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr}
	return p.main(args)
}

func (p *program) main(args []string) int {
	over := -1
	v := &verbs{}
	parser, err := p.parser(v, kong.Exit(func(status int) { over = status }))
	if err != nil {
		return p.fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	found, err := parser.Parse(args)
	if over >= 0 { // --help was answered
		return over
	}
	if err != nil {
		verb := misread(err)
		_, _ = fmt.Fprintf(p.stderr, "slipway: %v; see slipway %s\n", err, strings.TrimSpace(verb+" --help"))
		if verb == "judge" || verb == "shadow" {
			return exitNotJudged
		}
		return exitUsage
	}
	steer := v.flagHost(p, found.Command())
	return p.fail(found.Run(p, v.host(p, found.Command()), steer, (*limits.Host)(steer)))
}

// parser reads command lines into v.
func (p *program) parser(v *verbs, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(v, append(more, kong.Name("slipway"), kong.Writers(p.stdout, p.stderr),
		kong.Description("Ship every commit, and know whether you should have."),
		kong.Vars{"localURL": localURL}, kong.Resolvers(&p.file), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))...)
}

// misread names the verb that was being read when it went wrong, empty for none.
func misread(err error) string {
	var wrong *kong.ParseError
	if !errors.As(err, &wrong) || wrong.Context == nil || wrong.Context.Selected() == nil {
		return ""
	}
	return strings.TrimPrefix(wrong.Context.Selected().Path(), "slipway ")
}

// status is an error that has an exit status of its own. Without a text it is silent: all was said.
type status struct {
	code int
	text string
}

func (s *status) Error() string { return s.text }

// fail prints an error, if there is one, and gives the exit status.
func (p *program) fail(err error) int {
	var own *status
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &own):
		if own.text != "" {
			p.complain(own.text)
		}
		return own.code
	case errors.Is(err, context.Canceled) && p.ctx.Err() != nil:
		return exitInterrupted
	}
	p.complain(err.Error())
	return exitFailed
}

// complain says on stderr what is wrong: one line, or one a mistake where there are several, below one another.
func (p *program) complain(text string) {
	const name = "slipway: "
	_, _ = fmt.Fprintln(p.stderr, name+strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", len(name))))
}

// say prints a line.
func (p *program) say(format string, args ...any) { _, _ = fmt.Fprintf(p.stdout, format+"\n", args...) }

// signalled is why a program was told to end.
type signalled struct{ signal os.Signal }

func (s *signalled) Error() string { return s.signal.String() }

// untilSignal gives a context that ends, with a *signalled as cause, when somebody wants the program to end. Whoever asks twice gets what they want at once.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() { // ends with stop
		select {
		case s := <-signals:
			cancel(&signalled{s})
		case <-done:
			return
		}
		select {
		case <-signals:
			os.Exit(exitInterrupted) //nolint:forbidigo // who asks twice does not want to wait for anything
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// interrupted tells whether it was ctrl-C that ended the program.
func interrupted(ctx context.Context) bool {
	var s *signalled
	return errors.As(context.Cause(ctx), &s) && s.signal == os.Interrupt
}
