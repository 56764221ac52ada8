"""The grading system: build, sandbox, judge, grade, gradebook, report, command line."""
