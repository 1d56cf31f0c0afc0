# Answers pairs with Gem::Version.
STDIN.each_line(chomp: true) do |line|
  left, right = line.split("\t")
  readable = Gem::Version.correct?(left) && Gem::Version.correct?(right)
  puts "#{line}\t#{readable ? Gem::Version.new(left) <=> Gem::Version.new(right) : '?'}"
end
