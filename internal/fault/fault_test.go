package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/slipwayhq/slipway/internal/fault"
)

func TestCodes(t *testing.T) {
	for _, c := range []struct {
		err  *fault.Error
		want fault.Code
	}{
		{fault.Invalid("x"), "invalid"},
		{fault.Unauthorized("x"), "unauthorized"},
		{fault.Forbidden("x"), "forbidden"},
		{fault.NotFound("x"), "not_found"},
		{fault.Conflict("x"), "conflict"},
		{fault.Limited("x"), "limited"},
		{fault.New(fault.CodeInternal, "x"), "internal"},
	} {
		wrapped := fmt.Errorf("do this to that: %w", fmt.Errorf("and more: %w", c.err))
		if got := fault.CodeOf(wrapped); got != c.want {
			t.Errorf("code %s, want %s", got, c.want)
		}
		if !fault.Is(wrapped, c.want) {
			t.Errorf("Is does not see %s", c.want)
		}
	}
}

func TestWhatHasNoCodeIsInternal(t *testing.T) {
	if got := fault.CodeOf(io.EOF); got != fault.CodeInternal {
		t.Errorf("code %s", got)
	}
	if fault.Is(nil, fault.CodeInternal) {
		t.Error("no error is an internal error")
	}
	if got := fault.Message(errors.New("dial 10.0.0.3: password rejected")); got != "Something went wrong on the server. The log has the details." {
		t.Errorf("an error of somebody else is shown: %q", got)
	}
}

func TestTheCauseIsLoggedAndNeverShown(t *testing.T) {
	cause := errors.New("dial 10.0.0.3: refused")
	err := fmt.Errorf("ship release 7: %w", fault.Conflict("Release %d is already on its way.", 7).Because(cause).At("release"))
	if got := fault.Message(err); got != "Release 7 is already on its way." {
		t.Errorf("shown: %q", got)
	}
	if got := err.Error(); got != "ship release 7: Release 7 is already on its way.: dial 10.0.0.3: refused" {
		t.Errorf("logged: %q", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not in the chain")
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Field != "release" {
		t.Errorf("field of %+v", e)
	}
}

func TestTheOuterCodeCounts(t *testing.T) {
	inner := fault.NotFound("There is no such branch.")
	outer := fault.Invalid("The environment names a branch that does not exist.").Because(inner)
	if got := fault.CodeOf(outer); got != fault.CodeInvalid {
		t.Errorf("code %s", got)
	}
	if got := fault.Message(outer); got != outer.Message {
		t.Errorf("message %q", got)
	}
}
