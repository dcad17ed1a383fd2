#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

struct pair { int first; long second; };
static int calls;
static struct pair last = { 3, 4 };

static inline __attribute__((always_inline)) int twice(int inlined)
{
	calls++;
	return inlined * 2;
}

noinline int known_leaf(struct pair *pair, int add)
{
	int sum = pair->first + add;
	if (sum > 1000)
		goto big;
	pair->second = sum;
	return sum;
big:
	pair->second = -1;
	return -sum;
}

noinline int known_outer(int number)
{
	struct pair local = { number, 0 };
	int result = known_leaf(&local, 5);
	last = local;
	return result + twice(number);
}

static int show(struct seq_file *file, void *unused)
{
	int small = known_outer(7);
	int large = known_outer(2000);

	seq_printf(file, "%d %d\n", small, large);
	return 0;
}

static int __init known_init(void)
{
	return proc_create_single("pystap_known", 0444, NULL, show) ? 0 : -ENOMEM;
}

static void __exit known_exit(void)
{
	remove_proc_entry("pystap_known", NULL);
}

module_init(known_init);
module_exit(known_exit);
MODULE_LICENSE("GPL");
