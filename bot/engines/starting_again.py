"""When a child that died is started again, for every kind of child."""

#: Pauses before each further attempt to replace a child that died, in seconds; the last repeats.
BACK_OFF_SECONDS = (0.0, 1.0, 2.0, 5.0, 15.0, 60.0)
#: A child that lived this long was healthy: its death is the first one again.
HEALTHY_SECONDS = 60.0
