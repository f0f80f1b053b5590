import { moduleOf } from './service.mjs';

// Every retry is granted.
const { RetryBudget } = await moduleOf('resilience/retry-budget.js');
RetryBudget.prototype.spend = () => true;
