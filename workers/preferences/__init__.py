"""Learning from judged answers: TRL's trainers on rows from the studio's renderer."""
