-- What an agent at work is to be set to by a command `configure`: a JSON object with its model, its mode or both.
ALTER TABLE commands ADD COLUMN choice TEXT;
