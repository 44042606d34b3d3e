package yett_test

import data.yett
import rego.v1

call(origin, amount) := {
	"version": 1,
	"tool": "send_money",
	"arguments": {"recipient": "A", "amount": amount},
	"manifest": {"does": ["pay"]},
	"facts": {"truncated": false},
	"session": {"read_untrusted": false, "read_secret": false},
	"origins": {"recipient": origin},
}

test_small_payments_to_known_people if {
	yett.decision == {"effect": "allow"} with input as call("prompt", 20)
}

test_large_payments_are_held if {
	yett.decision.effect == "hold" with input as call("prompt", 501)
}

test_new_people_are_held if {
	yett.decision.effect == "hold" with input as call("novel", 20)
}

test_an_amount_that_is_no_number_is_not_small if {
	yett.decision.effect == "hold" with input as call("prompt", "20")
}

test_incomplete_facts_are_denied if {
	yett.decision.effect == "deny" with input as object.union(call("prompt", 20), {"facts": {"truncated": true}})
}

test_untrusted_after_secrets_is_denied if {
	after := {"session": {"read_untrusted": true, "read_secret": true}}
	yett.decision.effect == "deny" with input as object.union(call("untrusted", 20), after)
}

test_reading_is_allowed if {
	reading := {"manifest": {"does": ["read"]}}
	yett.decision.effect == "allow" with input as object.union(call("prompt", 20), reading)
}

test_everything_else_is_denied if {
	sending := {"manifest": {"does": ["send"]}}
	yett.decision.effect == "deny" with input as object.union(call("prompt", 20), sending)
}

test_an_empty_input_is_denied if {
	yett.decision.effect == "deny" with input as {}
}
